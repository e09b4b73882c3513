"""People in the loop: what they are asked, blind; what they said, checked; and when it may enter a dataset."""

from tamis.judge.review.answers import answers
from tamis.judge.review.conflicts import conflicts
from tamis.judge.review.draw import draw
from tamis.judge.review.export import export
from tamis.judge.review.form import Criterion, Form, form, of_rubric
from tamis.judge.review.gold import read_gold
from tamis.judge.review.incoming import read_votes
from tamis.judge.review.joined import judgments
from tamis.judge.review.key import open_key
from tamis.judge.review.pick import pick
from tamis.judge.review.raters import raters
from tamis.judge.review.settle import agreement, settle

__all__ = [
    "Criterion",
    "Form",
    "agreement",
    "answers",
    "conflicts",
    "draw",
    "export",
    "form",
    "judgments",
    "of_rubric",
    "open_key",
    "pick",
    "raters",
    "read_gold",
    "read_votes",
    "settle",
]
