"""Whether a reader can tell text from what is behind it.

Two colours are indistinct if both their contrast ratio and their largest difference in a channel
are small: either alone misjudges (two hues of equal luminance read well, and so do close but
contrasting greys).
"""

from __future__ import annotations

Colour = tuple[float, float, float]
"""Red, green and blue in [0, 1], sRGB."""

# WCAG 2.2 asks 4.5:1 for text; below 1.2:1 pale grey on white (#ebebeb) is no longer noticed.
_MIN_CONTRAST = 1.2
_MIN_DIFFERENCE = 0.35


def contrast(one: Colour, other: Colour) -> float:
    """Return the WCAG 2.2 contrast ratio, from 1 to 21.

    >>> round(contrast((1, 1, 1), (0, 0, 0)))
    21
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def is_indistinct(text: Colour, behind: Colour) -> bool:
    """Return whether text of one colour on the other goes unnoticed.

    >>> is_indistinct((0.98, 0.98, 0.98), (1, 1, 1)), is_indistinct((1, 0, 0), (0, 0.5, 0))
    (True, False)
    """
    difference = max(abs(a - b) for a, b in zip(text, behind, strict=True))
    return difference < _MIN_DIFFERENCE and contrast(text, behind) < _MIN_CONTRAST


def laid_over(colour: Colour, alpha: float, behind: Colour) -> Colour:
    """Return what is seen of a colour with alpha in [0, 1] on an opaque one."""
    red, green, blue = colour
    return (
        red * alpha + behind[0] * (1 - alpha),
        green * alpha + behind[1] * (1 - alpha),
        blue * alpha + behind[2] * (1 - alpha),
    )


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((min(c, 1.0) + 0.055) / 1.055) ** 2.4 for c in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
