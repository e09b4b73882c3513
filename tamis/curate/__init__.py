"""The stages of curation, one file each; a recipe names them through the catalog."""
