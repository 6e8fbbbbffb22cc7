namespace Qwamos.ControlBus.Trust;

/// <summary>An exact name, or the beginning of names and <c>*</c>.</summary>
internal static class NamePattern
{
    public static bool IsPrefix(string pattern) => pattern.EndsWith('*');

    public static bool Covers(string pattern, string name) =>
        IsPrefix(pattern) ? name.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal) : name == pattern;

    /// <summary>Printable ASCII of bounded length, with <c>*</c> nowhere but at the end.</summary>
    public static bool IsWellFormed(string pattern) =>
        pattern.Length is > 0 and <= Limits.MaxPolicyKeyNameBytes
        && !pattern.AsSpan().ContainsAnyExceptInRange('\u0021', '\u007e')
        && !pattern.AsSpan(0, pattern.Length - 1).Contains('*');
}
