"""Whether a price is known for every model that a recipe asks, where money is limited: seen before a row moves."""

from __future__ import annotations

from tamis.bench import Means
from tamis.recipes.recipe import Recipe


def see_priced(recipe: Recipe, means: Means) -> None:
    """Raises UsageError where `means` have a budget and nobody knows what a request of some stage costs."""
    if means.budget is None or means.replay:
        return
    # Imported here: runs that ask nobody need neither judges nor models.
    from tamis.curate.synthesis.stage import Synth
    from tamis.judge.stages.asking import AsksJudge
    from tamis.models import price_of
    from tamis.models.spending import unpriced

    for stage in recipe.stages:
        if isinstance(stage, Synth | AsksJudge) and not stage.price:
            specs = stage.specs if isinstance(stage, Synth) else (stage.judge,)
            if any(price_of(spec, stage.base_url) is None for spec in specs):
                raise unpriced()
