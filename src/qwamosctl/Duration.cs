using System.Globalization;

namespace Qwamos.Client;

/// <summary>A time as people write it: <c>90d</c>, <c>12h</c>, <c>30m</c>, or seconds.</summary>
internal static class Duration
{
    /// <summary>What the options that take one say.</summary>
    public const string Form = "a number of seconds, or one with m, h or d, like 90d";

    private const int MaxDigits = 9;

    public static bool TryParse(string text, out long seconds)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 'd' => 86_400, 'h' => 3_600, 'm' => 60, 's' => 1, >= '0' and <= '9' => 1, _ => 0 };
        var digits = text.TrimEnd('d', 'h', 'm', 's');
        seconds = 0;
        if (unit == 0 || digits.Length is 0 or > MaxDigits || text.Length - digits.Length > 1 || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        seconds = number * unit;
        return true;
    }

    /// <summary>In the largest unit of which there are two, cut off.</summary>
    public static string InWords(long seconds) => seconds switch
    {
        _ when seconds >= 2 * 86_400 => Many(seconds / 86_400, "day"),
        _ when seconds >= 2 * 3_600 => Many(seconds / 3_600, "hour"),
        _ when seconds >= 2 * 60 => Many(seconds / 60, "minute"),
        _ => Many(seconds, "second"),
    };

    private static string Many(long number, string unit) => string.Create(CultureInfo.InvariantCulture, $"{number} {unit}{(number == 1 ? "" : "s")}");
}
