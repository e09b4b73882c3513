"""Signs that a model knows an evaluation by heart, where nobody can look into what it was trained on. None is a proof."""
