"""Encoders: of images (`lexseg.encoders.image`, feature pyramids) and of sentences (`lexseg.encoders.text`, states).

Each is built by name, with weights that a package brings or none; nothing is fetched. The room knows nothing of methods
or of files of data. Its doors are `lexseg.encoders.image.create_image_encoder`,
`lexseg.encoders.text.create_text_encoder` and `lexseg.encoders.text.pipeline.TextPipeline`, from sentences to tensors.
"""
