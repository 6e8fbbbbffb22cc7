using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// <c>/etc/qwamos/hooks.d</c>: an executable for each key that this system can enforce. It is checked each time before it runs,
/// with its whole path: a hook that others could have written is not run (ATTACKS 27).
/// </summary>
internal sealed class HookDirectory(SystemPaths paths, TimeProvider time)
{
    /// <summary>Runs the key's hook and waits for it, at most its time. Blocks.</summary>
    /// <param name="output">The first bytes of what it printed; empty for a confidential key.</param>
    public EnforcementOutcome Run(Enforcement enforcement, out string output, CancellationToken stop)
    {
        output = "";
        if (!TryFind(enforcement.Key.Name, out string? path, out EnforcementOutcome instead))
            return instead;
        HookEnd end = HookProcess.Run(path, [enforcement.Key.Name, enforcement.Value.ToLine()], Input(enforcement), time, stop);
        // What a hook prints may repeat the value it was given.
        output = enforcement.Key.IsConfidential ? "" : end.Output;
        return end.Succeeded ? EnforcementOutcome.Done : EnforcementOutcome.Failed(end.Why);
    }

    private bool TryFind(string key, [NotNullWhen(true)] out string? path, out EnforcementOutcome instead)
    {
        path = null;
        instead = EnforcementOutcome.NoEnforcer;
        if (key.Contains('/') || key.StartsWith('.'))
            return false; // such a name cannot name a file of that directory
        string candidate = Path.Combine(paths.HooksDir, key);
        if (Posix.IsAbsent(candidate))
            return false;
        if (!SafePath.TryCheckTrusted(candidate, paths, PathRules.TrustedExecutable, out string? fault))
        {
            instead = EnforcementOutcome.Failed("the hook cannot be trusted: " + fault);
            return false;
        }

        path = candidate;
        return true;
    }

    private static byte[] Input(Enforcement enforcement) => CanonicalJson.Write(JsonValue.Object(
    [
        ("key", JsonValue.Of(enforcement.Key.Name)),
        ("value", enforcement.Value.ToJson()),
        ("index", JsonValue.Of(enforcement.Index)),
        ("class", JsonValue.Of(enforcement.Key.Class)),
    ]));
}
