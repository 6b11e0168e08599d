"""Fits a message to what a channel can show: long texts in parts, buttons or a numbered list. Pure."""

from dataclasses import dataclass

from bot.channels.base import Capabilities
from bot.channels.splitting import split_text
from bot.model import Button, OutboundMessage


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a platform is given at once."""

    text: str
    buttons: tuple[Button, ...] = ()


def parts_of(message: OutboundMessage, capabilities: Capabilities) -> tuple[Part, ...]:
    """The message in parts, the buttons under the last; none where nothing can be read.

    Buttons that can not be shown are listed with the numbers under which the conversation understands them.
    """
    shown = message.buttons if _can_show(message.buttons, capabilities) else ()
    text = message.text if shown or not message.buttons else f"{message.text}\n\n{numbered(message.buttons)}"
    limit = capabilities.text_max_units
    texts = split_text(text, limit) if limit else [text]
    last = len(texts) - 1
    return tuple(Part(text=text, buttons=shown if place == last else ()) for place, text in enumerate(texts))


def numbered(buttons: tuple[Button, ...]) -> str:
    """The titles as a list, each with the number that stands for it when it is typed."""
    return "\n".join(f"{place}. {button.title}" for place, button in enumerate(buttons, start=1))


def _can_show(buttons: tuple[Button, ...], capabilities: Capabilities) -> bool:
    most, longest = capabilities.buttons_max, capabilities.button_title_max_chars
    return (
        capabilities.buttons
        and (most is None or len(buttons) <= most)
        and (longest is None or all(len(button.title) <= longest for button in buttons))
    )
