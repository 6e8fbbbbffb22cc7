using System.Text;
using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

public sealed class SafeTextTests
{
    [Theory]
    [InlineData("\u001b[31mred", "\\u{1B}[31mred")]
    [InlineData("line\nforged", "line\\u{0A}forged")]
    [InlineData("a\0b\rc\td", "a\\u{00}b\\u{0D}c\\u{09}d")]
    [InlineData("del\u007f", "del\\u{7F}")]
    [InlineData("c1\u009b31m", "c1\\u{9B}31m")]
    [InlineData("\u202egnp.exe", "\\u{202E}gnp.exe")]
    [InlineData("\u2066\u2069\u200f\u061c", "\\u{2066}\\u{2069}\\u{200F}\\u{61C}")]
    [InlineData("zero\u200bwidth\ufeff", "zero\\u{200B}width\\u{FEFF}")]
    [InlineData("\u2028\u2029", "\\u{2028}\\u{2029}")]
    [InlineData("\U000e0041", "\\u{E0041}")]
    public void Attack21_what_a_terminal_or_a_log_line_would_act_on_is_escaped(string text, string expected) =>
        Assert.Equal(expected, SafeText.ForTerminal(text));

    [Fact]
    public void Attack21_unpaired_surrogates_and_broken_UTF8_are_shown_and_never_throw()
    {
        Assert.Equal("\\u{D83D}x\\u{DE00}", SafeText.ForTerminal("\ud83dx\ude00"));
        Assert.Equal("a\ufffdb", SafeText.ForTerminal([(byte)'a', 0xFF, (byte)'b']));
    }

    [Theory]
    [InlineData("")]
    [InlineData("plain text, with = # ' \" \\ $(x) `y`")]
    [InlineData("é€😀 שלום")]
    public void Other_text_is_left_alone(string text) => Assert.Same(text, SafeText.ForTerminal(text) == text ? text : null);
}
