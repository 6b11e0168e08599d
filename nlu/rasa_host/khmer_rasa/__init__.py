"""Rasa's side of khmer_nlu: graph components that only translate between Rasa's messages and its functions."""

from khmer_rasa.classifier import KhmerIntentClassifier
from khmer_rasa.entities import KhmerEntityExtractor
from khmer_rasa.tokenizer import KhmerTokenizer

__version__ = "0.1.0"
__all__ = ["KhmerEntityExtractor", "KhmerIntentClassifier", "KhmerTokenizer"]
