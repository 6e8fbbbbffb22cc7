using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Gateway.Receiving;

/// <summary>What a gateway is told by its files: whom to believe, by which table to judge, and which domain it is. Read once, at the start.</summary>
internal sealed record ReceiverSettings(SystemPaths Paths, VerifyingKey Anchor, PolicySchema Schema, GatewayConfig Domain, string? SystemId)
{
    private static readonly HashSet<string> Served =
        new(StringComparer.Ordinal) { Commands.SetPolicy, Commands.GetStatus, Commands.GetCheckpoint, Commands.Checkpoint, Commands.LedgerKey, Commands.TrustRoot, Commands.GetTrustRoot, Commands.Deliver, Commands.GetCursor, Commands.GetReport };

    /// <summary>The keys of this domain: its class's, and those of class <c>all</c>.</summary>
    public DomainScope Scope => Domain.Scope;

    /// <summary>False with one sentence when a file is missing that must be there, or one that is there cannot be believed.</summary>
    public static bool TryLoad(SystemPaths paths, [NotNullWhen(true)] out ReceiverSettings? settings, [NotNullWhen(false)] out string? fault)
    {
        settings = null;
        if (!ControlBus.Keys.Anchor.TryLoad(paths, KeyHome.DefaultDirectory, out VerifyingKey? anchor, out AnchorFault? why, isGateway: true))
        {
            fault = why.Text;
            return false;
        }

        if (!PolicySchema.TryLoadFor(paths, out PolicySchema? schema, out fault)
            || !GatewayConfig.TryLoad(paths, schema, out GatewayConfig? domain, out fault)
            || !TryFindSystemId(paths, out string? id, out fault))
            return false;
        settings = new ReceiverSettings(paths, anchor, schema, domain, id);
        return true;
    }

    public Verifier Verifier() => new(new VerifierOptions
    {
        Keys = [Anchor],
        Commands = Served,
        SystemId = SystemId,
        TakesExpiredRoots = true,
        AudienceRule = AudienceRules.ForReceiver(Schema, Domain.Name, Domain.Class),
    });

    /// <summary>A gateway's own ID would be another system's than Dom0's: outside a trial it is only read, never made here.</summary>
    private static bool TryFindSystemId(SystemPaths paths, out string? id, [NotNullWhen(false)] out string? fault)
    {
        if (paths.IsTrial)
            return ControlBus.Keys.SystemId.TryLoadOrCreate(paths, out id, out fault);
        id = null;
        fault = "";
        return Posix.IsAbsent(paths.SystemIdFile) || ControlBus.Keys.SystemId.TryLoad(paths, out id, out fault, isGateway: true);
    }
}
