namespace Qwamos.ControlBus.Policy;

/// <summary>The names and values that keys had before (issue of the first release, item 5).</summary>
internal static class LegacyNames
{
    /// <summary>A value that an old name may have, and what it means today.</summary>
    private sealed record Meaning(string OldName, string OldValue, string Name, string Value);

    private static readonly Meaning[] Meanings =
    [
        new("VERIFIED_BOOT_ENFORCE", "warn", "BOOT_VERIFICATION", "warn"),
        new("VERIFIED_BOOT_ENFORCE", "enforce", "BOOT_VERIFICATION", "strict"),
        new("E2E_TUNNEL_POLICY", "tor-only", "TOR_ISOLATION", "mandatory"),
    ];

    // Old name, today's name: the value stays as it is.
    private static readonly (string OldName, string Name)[] Renamed = [("DURESS_PROFILE", "DURESS.enabled")];

    public static bool IsKnown(string name)
        => Meanings.Any(meaning => Same(meaning.OldName, name)) || Renamed.Any(pair => Same(pair.OldName, name));

    /// <summary>False when the old name had no such value that means anything today; the fault names those that do.</summary>
    public static bool TryTranslate(string oldName, string oldValue, out string name, out string value, out string fault)
    {
        fault = "";
        (name, value) = (Renamed.FirstOrDefault(pair => Same(pair.OldName, oldName)).Name ?? "", oldValue);
        if (name.Length > 0)
            return true;
        var known = Meanings.Where(meaning => Same(meaning.OldName, oldName)).ToList();
        if (known.Find(meaning => Same(meaning.OldValue, oldValue)) is { } found)
        {
            (name, value) = (found.Name, found.Value);
            return true;
        }
        fault = $"only {string.Join(" and ", known.Select(meaning => $"{meaning.OldValue} (now {meaning.Name}={meaning.Value})"))} can be converted";
        return false;
    }

    private static bool Same(string left, string right) => string.Equals(left, right, StringComparison.OrdinalIgnoreCase);
}
