"""How a refusal begins, in English."""

BEGINS = (
    r"(?i)^[\s\W]*(?:(?:oh|well|unfortunately|thank you[^.!]{0,60})[,.!]?\s+)?(?:"
    r"(?:i'?m|i am|we'?re|we are)\s+(?:very\s+|so\s+|really\s+|truly\s+)?(?:sorry|afraid)\b"
    r"|(?:my\s+)?(?:sincere\s+)?apologies\b|i\s+(?:do\s+)?apologi[sz]e\b|sorry[,.!]"
    r"|(?:i|we)\s+(?:can\s?not|can'?t|could not|couldn'?t|will not|won'?t|must decline to|am unable to|'?m unable to"
    r"|am not able to|'?m not able to)\s+(?:fulfil|assist|help|answer|provide|comply|create|write|generate|do (?:that|this|it)"
    r"|support|engage|respond|complete|satisfy|give|offer|discuss|browse|access|in good)"
    r"|i'?m\s+(?:unable|not able)\s+to\b|i\s+don'?t\s+have\s+(?:access|the ability|personal|enough)\b"
    r"|as\s+(?:an?|your)\s+(?:ai|artificial intelligence|language model|large language model|virtual assistant|assistant)\b"
    r"|it\s+is\s+not\s+(?:appropriate|ethical|possible\s+for\s+me)\b)"
)
"""In the syntax of RE2. Typographic apostrophes are made plain first."""
