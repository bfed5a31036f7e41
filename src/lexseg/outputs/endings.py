"""What the names of the files of an answer end in, of an image and as `lexseg segment` writes them by default."""

PNG_MASK, OVERLAY_PNG, NUMBERS_JSON = "_mask.png", "_overlay.png", ".json"
