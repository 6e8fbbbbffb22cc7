using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// The single table of policy keys (DESIGN section 5), from <c>policy.schema.json</c>: classification, validation,
/// conversion, help and completion all come from here. Immutable and safe to use from every thread.
/// </summary>
public sealed class PolicySchema
{
    private const string ResourceName = "policy.schema.json";
    private static readonly Lazy<PolicySchema> LazyBuiltIn = new(LoadBuiltIn);

    private readonly Dictionary<string, PolicyKey> byName;
    private readonly JsonSchema schema;

    internal PolicySchema(JsonSchema schema, IReadOnlyList<PolicyKey> keys, string hash, string origin)
    {
        this.schema = schema;
        Keys = keys;
        Hash = hash;
        Origin = origin;
        byName = keys.ToDictionary(key => key.Name, StringComparer.Ordinal);
        Classes = [.. keys.Select(key => key.Class).Distinct(StringComparer.Ordinal)];
        RuntimeCount = keys.Count(key => key.Apply == PolicyApply.Runtime);
    }

    /// <summary>The schema this program was built with.</summary>
    public static PolicySchema BuiltIn => LazyBuiltIn.Value;

    /// <summary>Lower-case hex SHA-256 of the file's bytes, 64 digits; recorded in each ledger entry.</summary>
    public string Hash { get; }

    /// <summary>Where it came from: a path, or <c>built in</c>.</summary>
    public string Origin { get; }

    /// <summary>The keys in the order of the file.</summary>
    public IReadOnlyList<PolicyKey> Keys { get; }

    /// <summary>The classes in the order of the file, <c>all</c> among them when a key has it.</summary>
    public IReadOnlyList<string> Classes { get; }

    public int RuntimeCount { get; }

    public int RebootCount => Keys.Count - RuntimeCount;

    /// <summary>Loads a schema file of at most <see cref="Limits.MaxSchemaFileBytes"/> bytes; the fault says what is wrong and where.</summary>
    public static bool TryLoad(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out PolicySchema? schema, out string fault)
        => TryLoad(utf8, "given", out schema, out fault);

    /// <summary>
    /// Loads <c>/etc/qwamos/policy.schema.json</c>, or the built-in schema where there is no such file. A file that exists
    /// and cannot be trusted or read is a fault, which stops the start: falling back would judge by other rules than the operator wrote.
    /// </summary>
    public static bool TryLoadFor(SystemPaths paths, [NotNullWhen(true)] out PolicySchema? schema, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        schema = null;
        if (!TrustedDocument.TryReadIfPresent(paths.SchemaFile, paths, Limits.MaxSchemaFileBytes, out var content, out fault))
            return false;
        if (content is null)
        {
            schema = BuiltIn;
            return true;
        }
        if (TryLoad(content, paths.SchemaFile, out schema, out fault))
            return true;
        fault = $"{paths.SchemaFile}: {fault}";
        return false;
    }

    public bool TryGet(string name, [NotNullWhen(true)] out PolicyKey? key) => byName.TryGetValue(name, out key);

    public bool HasClass(string name) => Classes.Contains(name, StringComparer.Ordinal);

    /// <summary>The known key name that a mistyped one most likely meant, or null.</summary>
    public string? Nearest(string name) => NearestName.Of(name, byName.Keys);

    /// <summary>
    /// Every fault of a policy document (an object of keys and values), one a key, none when it is valid. Event rules are
    /// <see cref="PolicyRules"/>'. What is said of a confidential key is the same whatever its value.
    /// </summary>
    public IReadOnlyList<Fault> Check(JsonValue policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var faults = new List<Fault>();
        // Made for the first fault: most policies have none.
        HashSet<string>? seen = null;
        bool IsFirst(string key) => (seen ??= new HashSet<string>(StringComparer.Ordinal)).Add(key);
        foreach (var fault in schema.Validate(policy))
        {
            if (IsFirst(fault.Key))
                faults.Add(byName.TryGetValue(fault.Key, out var key) ? Explain(key, policy) : ExplainUnknown(fault, policy));
        }
        if (policy.Kind != JsonKind.Object)
            return faults;
        foreach (var (name, value) in policy.Members)
        {
            if (byName.TryGetValue(name, out var key) && !IsPossible(key, value) && IsFirst(name))
                faults.Add(Explain(key, policy));
        }
        return faults;
    }

    /// <summary>
    /// What the schema's own rules cannot say: 5.0 and 5e0 are integers of draft-07 and no tokens of ours, and a text must be safe and no event.
    /// </summary>
    private static bool IsPossible(PolicyKey key, JsonValue json) =>
        PolicyValue.TryFrom(json, out var value) && PolicyText.IsSafe(value) && (key.IsEvent || !EventValues.IsFire(value));

    private static Fault Explain(PolicyKey key, JsonValue policy)
    {
        var words = $"must be {(key.Values.Count > 0 ? "one of " : "")}{key.ValuesInWords()}";
        if (key.IsConfidential)
            return new Fault(key.Name, RuleOf(key));
        if (!policy.TryGet(key.Name, out var value))
            return new Fault(key.Name, words);
        if (value.Kind == JsonKind.Number && key.Type == PolicyType.Integer && !value.TryGetInteger(out _))
            words += ", written without fraction and exponent";
        else if (value.Kind == JsonKind.String && key.Type != PolicyType.String)
            words += $" ({(key.Type == PolicyType.Integer ? "a JSON integer" : "a JSON boolean")}, not a string)";
        else if (value.Kind == JsonKind.String && NearestName.Of(value.AsString, key.Values.Select(known => known.ToLine())) is { } nearest)
            words += $"; did you mean {nearest}?";
        else if (key.Type == PolicyType.String && key.Values.Count == 0)
            words += " that the schema's length and pattern admit, without control characters";
        return new Fault(key.Name, words);
    }

    /// <summary>One text for every fault of a key: for a confidential one refusals are recorded and shown, and must not tell the value.</summary>
    internal static string RuleOf(PolicyKey key)
        => key.IsEvent
            ? $"must be one of {key.ValuesInWords()}; {EventValues.Fire} only alone in its message, while {EventValues.Armed}, and never staged"
            : $"must be {(key.Values.Count > 0 ? "one of " : "")}{key.ValuesInWords()}";

    private Fault ExplainUnknown(Fault fault, JsonValue policy)
    {
        if (policy.Kind != JsonKind.Object)
            return new Fault("", "a policy is an object of keys and values");
        if (fault.Key.Length == 0)
            return new Fault("", "an empty name is not a policy key");
        var nearest = Nearest(fault.Key);
        return new Fault(fault.Key, nearest is null ? "is not a policy key" : $"is not a policy key; did you mean {nearest}?");
    }

    internal static bool TryLoad(ReadOnlySpan<byte> utf8, string origin, [NotNullWhen(true)] out PolicySchema? schema, out string fault)
    {
        schema = null;
        fault = "";
        if (!StrictJson.TryParse(utf8, out var document, out var why, Limits.MaxSchemaFileBytes))
        {
            fault = why;
            return false;
        }
        return PolicySchemaReader.TryRead(document, Convert.ToHexStringLower(Primitives.Sha256(utf8)), origin, out schema, out fault);
    }

    private static PolicySchema LoadBuiltIn()
    {
        using var stream = typeof(PolicySchema).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The resource {ResourceName} is missing from this build.");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return TryLoad(content, "built in", out var schema, out var fault)
            ? schema
            : throw new InvalidOperationException($"The built-in schema does not load: {fault}");
    }
}
