"""Models for whatever runs them without LexSeg: folders of ONNX graphs, and pages that segment in the browser.

Here live the folder, its card, smaller weights, the check that it answers as the model it was made of; and the page:
the server's, with another back end (`lexseg/assets/web`), and LexSeg's rules of words as the browser asks them
(`in_browser`). The room touches outputs, predict, graphs and models. Its doors are `folder.export_model` and
`web.export_web`.
"""
