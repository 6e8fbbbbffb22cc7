using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class EcmaPatternTests
{
    [Theory]
    [InlineData("^a*$", "aaa", true)]
    [InlineData("^a*$", "aab", false)]
    [InlineData("a+", "xxaayy", true)]
    [InlineData("^a$", "a\n", false)] // In .NET $ also stands before a last newline.
    [InlineData("^\\d$", "\u0663", false)] // In .NET \d is any decimal digit.
    [InlineData("^\\w$", "\u00e9", false)]
    [InlineData("^\\W$", "\u00e9", true)]
    [InlineData("^\\s$", "\u00a0", true)]
    [InlineData("^\\s$", "\ufeff", true)]
    [InlineData("^\\s$", "\u0085", false)] // In .NET \s holds U+0085.
    [InlineData("^.$", "\u2028", false)]
    [InlineData("^.$", "\u0085", true)]
    [InlineData("^[a-c[]$", "[", true)]
    [InlineData("^[a-z-[b]$", "[", true)] // In .NET a class subtraction.
    [InlineData("^[\\d.-]+$", "1.2-3", true)]
    [InlineData("^[^\\s]$", " ", false)]
    [InlineData("^\\x41\\u0042$", "AB", true)]
    [InlineData("^(?:ab|cd){2,3}$", "abcdab", true)]
    [InlineData("^(ab){2}$", "ab", false)]
    [InlineData("^a{0,2}?b$", "aab", true)]
    [InlineData("^\\.\\*\\/$", ".*/", true)]
    [InlineData("^# x$", "# x", true)]
    [InlineData("^a|b$", "ax", true)]
    [InlineData("^\\t$", "\t", true)]
    public void Pattern_matches_as_ECMA_262_says(string pattern, string text, bool isMatch)
    {
        Assert.True(EcmaPattern.TryCompile(pattern, out var regex, out var fault), fault);
        Assert.Equal(isMatch, regex.IsMatch(text));
    }

    [Theory]
    [InlineData("(?=a)")]
    [InlineData("(?!a)")]
    [InlineData("(?<=a)b")]
    [InlineData("(?<name>a)")]
    [InlineData("(?i)a")]
    [InlineData("(a)\\1")]
    [InlineData("\\bword")]
    [InlineData("\\p{L}")]
    [InlineData("\\cA")]
    [InlineData("\\")]
    [InlineData("\\u12")]
    [InlineData("[")]
    [InlineData("[]")]
    [InlineData("[z-a]")]
    [InlineData("[\\D]")]
    [InlineData("(")]
    [InlineData(")")]
    [InlineData("{")]
    [InlineData("]")]
    [InlineData("*")]
    [InlineData("a**")]
    [InlineData("^*")]
    [InlineData("a{2,1}")]
    [InlineData("a{999}")]
    [InlineData("a{,2}")]
    [InlineData("(a{200}){200}")]
    [InlineData("((a{9}b)c){9}")]
    public void Pattern_that_cannot_be_matched_exactly_and_in_linear_time_is_refused(string pattern)
    {
        Assert.False(EcmaPattern.TryCompile(pattern, out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void Pattern_of_more_than_256_characters_is_refused()
    {
        Assert.True(EcmaPattern.TryCompile(new string('a', 256), out _, out _));
        Assert.False(EcmaPattern.TryCompile(new string('a', 257), out _, out _));
    }
}
