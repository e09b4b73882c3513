"""tamis sieves datasets for language models and keeps the receipts."""
