"""WHAT A MODEL IS ASKED: templates as files, and fences around text that is not ours."""

from tamis.prompts.fence import Fence, fence
from tamis.prompts.template import Prompt, Template, TemplateError, read

__all__ = ["Fence", "Prompt", "Template", "TemplateError", "fence", "read"]
