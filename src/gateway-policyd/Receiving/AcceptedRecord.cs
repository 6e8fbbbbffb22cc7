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
        fault = $"{SafeText.ForTerminal(settings.Paths.AcceptedFile)}: {fault}. To forget its trust roots, so that Dom0 brings them again and each is verified from the enrolled key on: "
            + ProposedCommand.Of(settings.Paths, "gateway-policyd", "enroll FILE --system HEX --replace");
        return false;
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
