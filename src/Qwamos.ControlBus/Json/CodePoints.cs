namespace Qwamos.ControlBus.Json;

/// <summary>Lengths in Unicode code points: a surrogate pair is one.</summary>
public static class CodePoints
{
    public static int Count(string text)
    {
        var count = text.Length;
        for (var i = 1; i < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i - 1], text[i]))
                count--;
        }
        return count;
    }

    /// <summary>The first code points of a text, its lone surrogates and the like replaced, so that it can always be written.</summary>
    public static string Take(string text, int maxCodePoints)
        => string.Concat(text.EnumerateRunes().Take(maxCodePoints).Select(rune => rune.ToString()));
}
