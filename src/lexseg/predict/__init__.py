"""Ask a trained model: load once, set an image once, ask many sentences.

Here live the segmenter, what a user's sentence becomes before the network sees it (whose sides, what is denied, what is
doubtful), the cut from probabilities to a mask, and the answers. The room touches models, scans and language; it writes
no file. Its doors are `lexseg.Segmenter` and `lexseg.predict.ask.ask`, the one way to ask.
"""
