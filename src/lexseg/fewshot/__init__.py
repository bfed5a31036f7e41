"""Teaching a target from a few images with a few labels: scribbles, points, outlines, or words alone.

It reads labelled images (`support`), makes sparse labels of dense ones (`sparse`), grows scribbles into masks (`grow`),
fits a head on a model's features (`fit`), scores by leaving one image out (`evaluate`), and learns heads over tasks
(`learn`). The networks are in `lexseg.models.fewshot`. The doors are `teach.teach` and `support.read_support`; it may
use `outputs`, and all that comes after that.
"""
