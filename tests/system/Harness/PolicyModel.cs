using System.Text.Json;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// What a policy must be after changes in their order, reckoned by the tests themselves from DESIGN section 5: nothing of the library is asked.
/// Values are JSON texts; confidential ones are held as they are shown.
/// </summary>
internal sealed class PolicyModel
{
    private const string Hidden = "\"(hidden)\"";
    private static readonly string[] RebootKeys = ["BOOT_VERIFICATION", "KERNEL_HARDENING", "CRYPTO_BACKEND"];
    private static readonly string[] ConfidentialKeys = ["DURESS.enabled", "DURESS.gesture", "GHOST.trigger"];

    private readonly SortedDictionary<string, string> _policy;
    private readonly SortedDictionary<string, string> _pending;

    public PolicyModel()
        : this(new(StringComparer.Ordinal), new(StringComparer.Ordinal))
    {
    }

    private PolicyModel(SortedDictionary<string, string> policy, SortedDictionary<string, string> pending)
    {
        _policy = policy;
        _pending = pending;
    }

    /// <summary>What status.json and the answer to get_status must hold.</summary>
    public string Shown => $"policy {Json(_policy)} pending {Json(_pending)}";

    /// <summary>The lines of pending.conf below its head.</summary>
    public string PendingLines => string.Concat(_pending.Select(pair => $"{pair.Key}={pair.Value.Trim('"')}\n"));

    /// <summary>The same two members of a status, in the same words as <see cref="Shown"/>.</summary>
    public static string ShownBy(JsonElement status) => $"policy {status.GetProperty("policy").GetRawText()} pending {status.GetProperty("pending").GetRawText()}";

    /// <summary>The lines of a pending.conf below its two comment lines and the blank one.</summary>
    public static string LinesOf(string pendingFile) => string.Concat(File.ReadLines(pendingFile).Skip(3).Select(line => line + "\n"));

    public PolicyModel Clone() => new(new(_policy, StringComparer.Ordinal), new(_pending, StringComparer.Ordinal));

    /// <summary>An accepted <c>set_policy</c>.</summary>
    public void Change(JsonElement args, bool isStaged)
    {
        foreach (JsonProperty arg in args.EnumerateObject())
        {
            string value = ConfidentialKeys.Contains(arg.Name) ? Hidden : arg.Value.GetRawText();
            _pending.Remove(arg.Name);
            if (!isStaged && !RebootKeys.Contains(arg.Name))
                _policy[arg.Name] = value;
            else if (!_policy.TryGetValue(arg.Name, out string? current) || current != value)
                _pending[arg.Name] = value;
        }
    }

    /// <summary>A boot that applied what was staged.</summary>
    public void Boot()
    {
        foreach ((string key, string value) in _pending)
            _policy[key] = value;
        _pending.Clear();
    }

    private static string Json(SortedDictionary<string, string> values) => "{" + string.Join(',', values.Select(pair => $"\"{pair.Key}\":{pair.Value}")) + "}";
}
