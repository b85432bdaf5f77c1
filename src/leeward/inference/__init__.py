"""Loads a model bundle, checks it, predicts. The only importer of onnxruntime."""
