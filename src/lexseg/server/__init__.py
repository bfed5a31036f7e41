"""The HTTP API and the web page: images in, sentences asked, masks out.

Here live routes, intake and reading in processes of their own, batching, jobs, limits and metrics. The room asks by
`lexseg.predict.ask` and writes by `lexseg.outputs`; it holds no logic of segmentation. Its door is
`lexseg.server.app`.
"""
