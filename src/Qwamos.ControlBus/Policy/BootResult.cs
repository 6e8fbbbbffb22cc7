using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// What the boot made of one staged key: <paramref name="Result"/> is one of the constants, or begins with
/// <see cref="FailedPrefix"/>; <paramref name="Detail"/> is for people.
/// </summary>
/// <param name="Key">The policy key.</param>
/// <param name="Index">The entry that staged it.</param>
/// <param name="Result">At most <see cref="MaxTextCodePoints"/> code points.</param>
/// <param name="Detail">At most <see cref="MaxTextCodePoints"/> code points; may be empty.</param>
public sealed record BootResult(string Key, long Index, string Result, string Detail)
{
    public const string InForce = "in force";
    public const string InForceAfterReboot = "in force after one more reboot";

    /// <summary>No applier of this class here.</summary>
    public const string Recorded = "recorded";
    public const string FailedPrefix = "failed: ";

    /// <summary>Longest result and detail; a note of many results shortens them further, to fit a ledger leaf.</summary>
    public const int MaxTextCodePoints = 256;

    /// <summary>The key moves from pending to policy; else it stays pending and the next boot tries again.</summary>
    public bool IsInForce => Result is InForce or InForceAfterReboot or Recorded;

    public static BootResult Failed(string key, long index, string why, string detail = "") => new(key, index, FailedPrefix + why, detail);

    internal bool HasKnownForm => IsInForce || Result.StartsWith(FailedPrefix, StringComparison.Ordinal);

    internal JsonValue ToJson() => JsonValue.Object(
    [
        ("key", JsonValue.Of(Key)),
        ("index", JsonValue.Of(Index)),
        ("result", JsonValue.Of(Result)),
        ("detail", JsonValue.Of(Detail)),
    ]);

    internal static List<BootResult> ReadAll(MemberReader reader, string name)
    {
        var results = new List<BootResult>();
        foreach (var json in reader.Array(name, Limits.MaxPolicyKeys))
        {
            var inner = new MemberReader(json, "a result");
            var result = new BootResult(
                inner.Text("key", Limits.MaxPolicyKeyNameBytes),
                inner.Integer("index", 0, Limits.MaxSafeInteger),
                inner.Text("result", MaxTextCodePoints),
                inner.Text("detail", MaxTextCodePoints));
            if (!inner.Finish(out var fault))
                reader.Refuse(fault);
            else if (!result.HasKnownForm)
                reader.Refuse($"the result of {result.Key} is not known");
            results.Add(result);
        }
        return results;
    }
}
