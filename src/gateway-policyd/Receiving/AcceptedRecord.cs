using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Gateway.Receiving;

/// <summary>accepted.db: the gateway's own ledger of what it accepted and refused, in the form of Dom0's; the only truth about its state.</summary>
internal static class AcceptedRecord
{
    /// <summary>Opens the record for writing, its folder checked. The caller holds the daemon's lock.</summary>
    public static bool TryOpen(SystemPaths paths, [NotNullWhen(true)] out LedgerStore? store, [NotNullWhen(false)] out string? fault)
    {
        store = null;
        if (!SafePath.TryCheckTrusted(paths.GatewayStateDir, paths, PathRules.OwnDirectory, out fault))
            return false;
        // What an earlier daemon was killed in is of no use.
        DurableFile.RemoveLeftovers(paths.GatewayStateDir);
        store = LedgerStore.Open(paths.AcceptedFile, LedgerOpenMode.ReadWrite);
        return true;
    }

    /// <summary>The trust roots that it holds, verified anew from the anchor on; false with a sentence, and the mend, when one does not follow.</summary>
    public static bool TryVerifyTrust(
        ReceiverSettings settings, LedgerStore store, LoadedLedger loaded, [NotNullWhen(true)] out RootHistory? roots, [NotNullWhen(false)] out string? fault)
    {
        if (LedgerRoots.TryVerify(store, loaded.State.Trust, settings.Anchor, settings.SystemId, out roots, out fault))
            return true;
        fault = $"{SafeText.ForTerminal(settings.Paths.AcceptedFile)}: {fault}. Where another key is enrolled now than in Dom0, or the trust began anew there, do the same here: "
            + $"{ProposedCommand.Of(settings.Paths, "gateway-policyd", "enroll FILE --system HEX --replace")}. Else it is damaged, or somebody changed it. {Mend(settings.Paths)}";
        return false;
    }

    /// <summary>
    /// What to do about a record that is damaged: nothing of it is believed, and nobody's word is taken meanwhile. To have the trust begin anew here alone is no mend: the versions that
    /// Dom0 has were drawn up before, and are dead then.
    /// </summary>
    public static string Mend(SystemPaths paths)
    {
        string kept = SafePath.Quote(Path.Combine(paths.GatewayStateDir, "kept"));
        return "Keep it, and begin with an empty one, for which Dom0 brings the trust roots, each verified from the enrolled key on: "
            + $"mkdir {kept} && mv {SafePath.Quote(paths.AcceptedFile)}* {kept}; start gateway-policyd, and set each key of this gateway again in Dom0";
    }

    /// <summary>Appends a note and gives the state after it, durable when this returns.</summary>
    /// <exception cref="LedgerFullException">Nothing was appended.</exception>
    public static LoadedLedger Append(LedgerStore store, Func<long, BootNote> note, LoadedLedger loaded, TimeProvider time)
    {
        long now = Now(time, loaded.State);
        BootNote next = note(loaded.State.LastNote + 1);
        store.AppendBatch([EntryWriter.Import(now, next)]);
        return loaded with { State = loaded.State.Import(next), Tree = store.Tree(), LastTimeSeconds = now };
    }

    /// <summary>The effective time: a clock far behind the newest accepted message is not believed.</summary>
    public static long Now(TimeProvider time, PolicyState state) =>
        new EffectiveTime(time.GetUtcNow().ToUnixTimeSeconds(), state.FloorSeconds).Now;
}
