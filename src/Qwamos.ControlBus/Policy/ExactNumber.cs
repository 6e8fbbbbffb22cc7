using System.Globalization;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// A JSON number compared exactly: draft-07 compares mathematical values, and 9007199254740993 rounds to another
/// number as a double. Value = sign * 0.Digits * 10^Exponent; digits carry no zero at either end, so equal values
/// have equal members. Nothing is ever expanded: 1e400000000 costs what its token costs.
/// </summary>
internal readonly record struct ExactNumber : IComparable<ExactNumber>
{
    private ExactNumber(int sign, string digits, long exponent)
    {
        Sign = sign;
        Digits = digits;
        Exponent = exponent;
    }

    private int Sign { get; }
    private string Digits { get; }
    private long Exponent { get; }

    /// <summary>True when the value has no fractional part: 1.0 and 1e2 are integers, as draft-07 section 6.1.1 says.</summary>
    public bool IsInteger => Sign == 0 || Exponent >= Digits.Length;

    /// <summary>Reads a token that is already known to be a JSON number.</summary>
    public static ExactNumber Parse(string token)
    {
        var negative = token[0] == '-';
        var end = token.AsSpan().IndexOfAny('e', 'E');
        var mantissa = token[(negative ? 1 : 0)..(end < 0 ? token.Length : end)];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? mantissa.Length : point;
        var digits = point < 0 ? mantissa : mantissa.Remove(point, 1);
        var leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits.Trim('0');
        return digits.Length == 0
            ? new ExactNumber(0, "", 0)
            : new ExactNumber(negative ? -1 : 1, digits, ExponentOf(token, end) + whole - leading);
    }

    public int CompareTo(ExactNumber other)
    {
        if (Sign != other.Sign)
            return Sign.CompareTo(other.Sign);
        if (Exponent != other.Exponent)
            return Sign * Exponent.CompareTo(other.Exponent);
        return Sign * Math.Sign(string.CompareOrdinal(Digits, other.Digits));
    }

    private static long ExponentOf(string token, int at)
    {
        if (at < 0)
            return 0;
        // An exponent beyond any use keeps its sign and a size that cannot overflow what is added to it.
        const long farAway = 1L << 60;
        if (long.TryParse(token.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var exponent))
            return Math.Clamp(exponent, -farAway, farAway);
        return token[at + 1] == '-' ? -farAway : farAway;
    }
}
