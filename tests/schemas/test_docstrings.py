"""Lists of parameters in docstrings."""

from __future__ import annotations

import pytest

from g4fsync.schemas.docstrings import parameters, summary

GOOGLE = """Tell the weather.

    Of one place.

    Args:
        place (str): Where, such as
            "Rome, Italy".
        days: How many: at most 9.
        *args (int, optional): More.

    Returns:
        str: The weather.
    """
NUMPY = """Tell the weather.

    Of one place.

    Parameters
    ----------
    place : str
        Where, such as
        "Rome, Italy".
    days : int, default 1
        How many: at most 9.

    *args
        More.

    Returns
    -------
    str
        The weather.
    """
SPHINX = """Tell the weather.

    Of one place.

    :param place: Where, such as
        "Rome, Italy".
    :type place: str
    :param int days: How many: at most 9.
    :param \\*args: More.
    :returns: The weather.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX.replace("\\*", "*")])
def test_each_style_tells_the_same(text: str) -> None:
    assert summary(text) == "Tell the weather.\n\nOf one place."
    assert parameters(text) == {
        "place": 'Where, such as "Rome, Italy".',
        "days": "How many: at most 9.",
        "args": "More.",
    }


@pytest.mark.parametrize("text", [None, "", "Args:", "One line.", "Args:\n\nNo list.", ":param"])
def test_what_has_no_list_tells_nothing(text: str | None) -> None:
    assert parameters(text) == {}


def test_two_names_in_numpy_s_style_share_a_description() -> None:
    text = "Move.\n\nParameters\n----------\nx, y : float\n    In metres.\n"
    assert parameters(text) == {"x": "In metres.", "y": "In metres."}
