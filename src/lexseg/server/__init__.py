"""The HTTP API and the web page: images in, sentences asked, masks out. It holds no segmentation logic of its own."""
