using System.Globalization;
using Qwamos.Client.Showing;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Changing;

/// <summary>A policy file: a JSON object of keys and values, read strictly, every fault reported at once.</summary>
internal static class PolicyFile
{
    public static bool TryRead(Terminal terminal, string name, PolicySchema schema, out List<Setting> settings, out Failure failure)
    {
        settings = [];
        if (name.StartsWith('-') && name != "-")
            return No(Failure.Usage($"there is no option {name}", "A file of that name: ./" + name), out failure);
        if (!InputFile.TryRead(terminal, name, Limits.MaxRequestBytes, out var content, out failure))
            return false;
        if (!StrictJson.TryParse(content, out var document, out var fault))
            return No(new Failure(ExitCode.Refused, $"{InputFile.NameOf(name)} is not JSON: {fault}{Place(content, fault)}", $"An old policy.conf? qwamosctl convert {SafePath.Quote(name)}"), out failure);
        if (document.Kind != JsonKind.Object || document.Members.Length == 0)
            return No(new Failure(ExitCode.Refused, $"{InputFile.NameOf(name)} holds no policy: it must be one JSON object of keys and values, with at least one key"), out failure);
        if (document.TryGet("signatures", out _) && (document.TryGet("root", out _) || document.TryGet("msg", out _)))
            return No(IsForSigners(name, isRoot: document.TryGet("root", out _)), out failure);
        var faults = schema.Check(document).Concat(FaultsOfFiles(document, schema)).ToList();
        if (faults.Count > 0)
            return No(new Failure(ExitCode.Refused, $"{InputFile.NameOf(name)} is not a valid policy", Faults: faults), out failure);
        foreach (var (key, json) in document.Members)
        {
            if (!schema.TryGet(key, out var known) || !PolicyValue.TryFrom(json, out var value))
                throw new InvalidOperationException($"{key} passed the checks without being a policy key with a value.");
            settings.Add(new Setting(known, value));
        }
        return true;
    }

    private static Failure IsForSigners(string name, bool isRoot) => new(
        ExitCode.Refused,
        $"{InputFile.NameOf(name)} is no policy: it holds a {(isRoot ? "trust root" : "change")} that waits for signatures",
        $"Read and sign it: qwamosctl sign {SafePath.Quote(name)}; signed by enough: qwamosctl send {SafePath.Quote(name)}");

    /// <summary>What set may do and a file may not: a file is applied again and again, and what it does must be possible to undo.</summary>
    private static IEnumerable<Fault> FaultsOfFiles(JsonValue document, PolicySchema schema)
    {
        foreach (var (name, json) in document.Members)
        {
            if (schema.TryGet(name, out var key) && PolicyValue.TryFrom(json, out var value) && IsIrreversible(key, value))
                yield return new Fault(name, "this value cannot be undone, so it never stands in a file; use qwamosctl set");
        }
        if (document.Members.Length > Limits.MaxArgs)
            yield return new Fault("", $"one change has at most {Limits.MaxArgs} keys, these are {document.Members.Length}");
    }

    /// <summary>Where the byte that a fault ends with stands, as an editor counts; columns are bytes, from 1.</summary>
    private static string Place(ReadOnlySpan<byte> content, string fault)
    {
        const string Before = "at byte ";
        var start = fault.LastIndexOf(Before, StringComparison.Ordinal);
        if (start < 0 || !int.TryParse(fault.AsSpan(start + Before.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at > content.Length)
            return "";
        var read = content[..at];
        return $" (line {read.Count((byte)'\n') + 1}, column {at - read.LastIndexOf((byte)'\n')})";
    }

    private static bool IsIrreversible(PolicyKey key, PolicyValue value) =>
        key.IsEvent ? EventValues.IsFire(value) : key.IsIrreversible;

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
