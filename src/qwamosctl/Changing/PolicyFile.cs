using Qwamos.Client.Showing;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
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
            return No(new Failure(ExitCode.Refused, $"{name} is not JSON: {fault}"), out failure);
        if (document.Kind != JsonKind.Object || document.Members.Length == 0)
            return No(new Failure(ExitCode.Refused, $"{name} holds no policy: it must be one JSON object of keys and values, with at least one key"), out failure);
        var faults = schema.Check(document).Concat(FaultsOfFiles(document, schema)).ToList();
        if (faults.Count > 0)
            return No(new Failure(ExitCode.Refused, $"{name} is not a valid policy", Faults: faults), out failure);
        foreach (var (key, json) in document.Members)
        {
            if (schema.TryGet(key, out var known) && PolicyValue.TryFrom(json, out var value))
                settings.Add(new Setting(known, value));
        }
        return true;
    }

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

    private static bool IsIrreversible(PolicyKey key, PolicyValue value) =>
        key.IsEvent ? EventValues.IsFire(value) : key.IsIrreversible;

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
