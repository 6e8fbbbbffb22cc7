using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Boot;

/// <summary>What the boot believes before it looks at anything that qwamosd could have written: all of it is root's.</summary>
/// <param name="Anchor">The operator's key.</param>
/// <param name="SystemId">This system's; null where there is none to be believed.</param>
/// <param name="Verifier">Knows both.</param>
/// <param name="Schema">The policy's table.</param>
/// <param name="Memory">What the last boot saw.</param>
internal sealed record BootGrounds(VerifyingKey Anchor, string? SystemId, Verifier Verifier, PolicySchema Schema, BootMemory Memory)
{
    /// <summary>Gathers them; null when one is missing or bad, which is said: then nothing is applied and the last known good stays.</summary>
    public static BootGrounds? Gather(SystemPaths paths, BootFolder folder, string? fallbackKeyHome, BootReport report)
    {
        if (!ControlBus.Keys.Anchor.TryLoad(paths, fallbackKeyHome, out var anchor, out var anchorFault))
        {
            report.Warn($"nothing is applied: {anchorFault.Text}");
            return null;
        }
        if (!PolicySchema.TryLoadFor(paths, out var schema, out var fault) || !TryMemory(folder, out var memory, out fault))
        {
            report.Warn($"nothing is applied: {fault}");
            return null;
        }
        // Without an ID a message that names a system is refused, which is reported where it happens.
        _ = ControlBus.Keys.SystemId.TryLoad(paths, out var systemId, out _);
        return new BootGrounds(anchor, systemId, new Verifier(new VerifierOptions { Keys = [anchor], SystemId = systemId }), schema, memory!);
    }

    private static bool TryMemory(BootFolder folder, out BootMemory? memory, out string fault)
    {
        memory = null;
        fault = folder.Fault() ?? "";
        return fault.Length == 0 && folder.TryReadMemory(out memory, out fault!);
    }
}
