"""STAGES THAT DERIVE ROWS with a language model: backtranslate, evolve, instruct, preference, rephrase."""

from tamis.curate.synthesis.backtranslate import Backtranslate
from tamis.curate.synthesis.evolve import Evolve
from tamis.curate.synthesis.instruct import Instruct
from tamis.curate.synthesis.preference import Preference
from tamis.curate.synthesis.rephrase import Rephrase

__all__ = ["Backtranslate", "Evolve", "Instruct", "Preference", "Rephrase"]
