"""Words for Rasa: entities are evaluated on them, and featurizers of Rasa's own read them."""

from typing import Any

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from khmer_nlu.tokenise import word_spans


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class KhmerTokenizer(Tokenizer):
    """Cuts Khmer, which has no spaces, into words; anything else at its edges.

    Rasa's CountVectorsFeaturizer with `analyzer: word` cuts these words again, at every vowel: use `char_wb`.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Rasa's options of every tokenizer; intents are not split."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "token_pattern": None}

    @staticmethod
    def required_packages() -> list[str]:
        """Python packages without which Rasa refuses to train."""
        return ["khmer_nlu"]

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """The words of one of the message's texts, with their places in it."""
        text = message.get(attribute)
        tokens = [Token(text[start:end], start) for start, end in word_spans(text)]
        split: list[Token] = self._apply_token_pattern(tokens)
        return split
