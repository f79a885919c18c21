"""Formulas as outlines: what models write is typeset, what cannot be is refused, strangers' LaTeX is bounded."""

from __future__ import annotations

import pytest

from desktop.core.formula import Outline
from desktop.engine.tools.typesetter import outline

FORMULAS = r"""
E=mc^2
\frac{-b \pm \sqrt{b^2-4ac}}{2a}
\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}
\sum_{i=1}^{n} i = \frac{n(n+1)}{2}
\begin{pmatrix} a & b \\ c & d \end{pmatrix}
\begin{bmatrix}1&0\\0&1\end{bmatrix}
\begin{cases} x & \text{if } x>0 \\ 0 & \text{otherwise}\end{cases}
\begin{aligned} a &= b \\ &= c \end{aligned}
\begin{align} a &= b \\ c &= d \end{align}
\begin{equation} a = b \label{eq:one} \end{equation}
\begin{gather} a \\ b \end{gather}
\begin{array}{cc|c} 1 & 2 & 3 \\ \hline 4 & 5 & 6\end{array}
\mathbb{R}^n \mathcal{L} \mathbf{x} \mathrm{d}x \mathfrak{g} \boldsymbol{\alpha} \bm{x}
\hat{x} \bar{y} \vec{v} \dot{a} \tilde{c} \widehat{abc} \overline{AB}
\lim_{n\to\infty} \left(1+\frac1n\right)^n
P(A \mid B) = \frac{P(B\mid A)P(A)}{P(B)}
\operatorname{softmax}(z)_i \argmax_\theta
\underbrace{a+b}_{c} \overbrace{x}^{y}
\binom{n}{k} \xrightarrow{f} \implies \iff
\boxed{x=1} \cancel{x}
\color{red}{x} + \textcolor{blue}{\frac{a}{b}}
\left\{ x \,\middle|\, x>0 \right\} \lVert x \rVert_2 \|x\| \lfloor x \rfloor
\stackrel{!}{=} \sqrt[3]{x} \pmod{n} \tag{1}
\text{Attention}(Q,K,V)=\text{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right)V
f'(x) = 50\% \text{ für alle } x
""".strip().split("\n")

REFUSED = {
    "unknown command": r"\foo{x}",
    "chemistry": r"\ce{H2O}",
    "no glyph": r"\text{中文}",
    "unfinished": r"\frac{a",
    "two exponents": "x^2^3",
    "macro": r"\newcommand{\a}{\b\b}\a",
    "definition": r"\def\a{x}\a",
    "file": r"\input{/etc/passwd}",
    "too wide": r"\hspace{9999em}x",
    "too long": "x+" * 2000,
    "too deep": "{" * 200 + "x" + "}" * 200,
    "too nested": r"\left(" * 200 + "x" + r"\right)" * 200,
    "empty": " ",
    "control": "\x00\x1b",
}


@pytest.mark.parametrize("latex", FORMULAS)
def test_what_models_write_is_typeset(latex: str) -> None:
    made = outline(latex, display=True)
    assert 0 < made.width < 40 and 0 < made.ascent + made.descent < 8
    assert made.commands.startswith("M")
    points = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}
    assert sum(points[command] for command in made.commands) == len(made.numbers)


@pytest.mark.parametrize("latex", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_typeset_is_refused(latex: str) -> None:
    with pytest.raises(Exception):  # noqa: B017  # whichever the libraries raise: the process answers "none"
        outline(latex, display=False)


def _height(made: Outline) -> float:
    return made.ascent + made.descent


def test_a_line_of_its_own_has_large_sums_and_a_line_of_text_small_ones() -> None:
    latex = r"\sum_{i=1}^{n} \frac{a}{b}"
    assert _height(outline(latex, display=True)) > 1.3 * _height(outline(latex, display=False))


def test_the_baseline_is_that_of_the_letters() -> None:
    made = outline("x", display=False)
    assert made.descent < 0.05 < made.ascent < 0.7
    assert outline("y", display=False).descent > 0.1
