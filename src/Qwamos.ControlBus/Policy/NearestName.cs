namespace Qwamos.ControlBus.Policy;

/// <summary>Finds the known name that a mistyped one most likely meant.</summary>
public static class NearestName
{
    // Longer input is no typing error; this also bounds the work.
    private const int MaxChars = 64;

    /// <summary>The sentence, without its end, that there is no such thing, and which one was most likely meant.</summary>
    public static string Sentence(string what, string name, IEnumerable<string> known) =>
        Of(name, known) is { } near ? $"there is no {what} {name}; did you mean {near}?" : $"there is no {what} {name}";

    /// <summary>The nearest of <paramref name="known"/> ignoring case, or null when none is near enough or two are equally near.</summary>
    public static string? Of(string name, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(known);
        if (name.Length is 0 or > MaxChars)
            return null;
        string? nearest = null;
        var least = int.MaxValue;
        foreach (var candidate in known)
        {
            if (candidate.Length > MaxChars)
                continue;
            var distance = Distance(Fold(name), Fold(candidate));
            if (distance > Math.Max(1, Math.Min(name.Length, candidate.Length) / 3) || distance > least)
                continue;
            // Two that are equally near: naming either would be a guess, and "of" may mean on or off.
            nearest = distance == least ? null : candidate;
            least = distance;
        }
        return nearest;
    }

    // People write - for _ and the other way round, and seldom mind case.
    private static string Fold(string name) => name.ToUpperInvariant().Replace('-', '_').Replace('.', '_');

    /// <summary>Edits to get from one to the other: insert, delete, replace, or swap two neighbours.</summary>
    private static int Distance(string from, string to)
    {
        var rows = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= to.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = rows[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replaced, 1 + Math.Min(rows[i - 1, j], rows[i, j - 1]));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }
        return rows[from.Length, to.Length];
    }
}
