using System.Globalization;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// ECMAScript's Number::toString (ECMA-262 section 6.1.6.1.20), which RFC 8785 section 3.2.2.3 prescribes. The shortest digits that read
/// back as the same double are .NET's "R" format's; only where the point and the exponent stand differs, and that is done here.
/// </summary>
internal static class EcmaNumber
{
    /// <summary>Longest result: "-1.2345678901234567e-300" is 24 bytes, 21 digits with "-0.00000" fewer than 32.</summary>
    internal const int MaxBytes = 32;

    private const int MaxPlainDigits = 21;
    private const int MaxLeadingZeros = 6;

    /// <summary>Writes a finite number; returns the length.</summary>
    /// <exception cref="ArgumentException">NaN or infinite.</exception>
    internal static int Format(double number, Span<byte> output)
    {
        if (!double.IsFinite(number)) throw new ArgumentException("not a finite number: it has no canonical form", nameof(number));
        if (number == 0)
        {
            output[0] = (byte)'0'; // -0, too
            return 1;
        }
        Span<byte> digits = stackalloc byte[MaxBytes];
        var count = ReadDigits(Math.Abs(number), digits, out var point);
        var at = 0;
        if (number < 0) output[at++] = (byte)'-';
        return at + Place(digits[..count], point, output[at..]);
    }

    // Digits without leading and trailing zeros; the value is 0.DIGITS * 10^point.
    private static int ReadDigits(double number, Span<byte> digits, out int point)
    {
        Span<byte> text = stackalloc byte[MaxBytes];
        number.TryFormat(text, out var length, "R", CultureInfo.InvariantCulture);
        text = text[..length];
        point = 0;
        var exponentAt = text.IndexOf((byte)'E');
        if (exponentAt >= 0)
        {
            point = int.Parse(text[(exponentAt + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            text = text[..exponentAt];
        }
        var count = 0;
        var isPastPoint = false;
        foreach (var c in text)
        {
            if (c == '.')
            {
                isPastPoint = true;
                continue;
            }
            if (c == '0' && count == 0)
            {
                if (isPastPoint) point--; // 0.00123
                continue;
            }
            digits[count++] = c;
            if (!isPastPoint) point++;
        }
        while (digits[count - 1] == '0') count--;
        return count;
    }

    private static int Place(ReadOnlySpan<byte> digits, int point, Span<byte> output)
    {
        var at = 0;
        if (point is > 0 and <= MaxPlainDigits)
        {
            var whole = Math.Min(point, digits.Length);
            Append(digits[..whole], output, ref at);
            AppendZeros(point - whole, output, ref at);
            if (whole == digits.Length) return at;
            output[at++] = (byte)'.';
            Append(digits[whole..], output, ref at);
            return at;
        }
        if (point is > -MaxLeadingZeros and <= 0)
        {
            Append("0."u8, output, ref at);
            AppendZeros(-point, output, ref at);
            Append(digits, output, ref at);
            return at;
        }
        output[at++] = digits[0];
        if (digits.Length > 1)
        {
            output[at++] = (byte)'.';
            Append(digits[1..], output, ref at);
        }
        Append(point > 0 ? "e+"u8 : "e-"u8, output, ref at);
        Math.Abs(point - 1).TryFormat(output[at..], out var length, default, CultureInfo.InvariantCulture);
        return at + length;
    }

    private static void Append(ReadOnlySpan<byte> bytes, Span<byte> output, ref int at)
    {
        bytes.CopyTo(output[at..]);
        at += bytes.Length;
    }

    private static void AppendZeros(int count, Span<byte> output, ref int at)
    {
        output.Slice(at, count).Fill((byte)'0');
        at += count;
    }
}
