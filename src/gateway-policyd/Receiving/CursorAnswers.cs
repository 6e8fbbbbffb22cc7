using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Witnessing;

namespace Qwamos.Gateway.Receiving;

/// <summary><c>get_cursor</c>: where Dom0's delivery is to go on, and to whom; every other command is another source's.</summary>
/// <param name="settings">Which domain this is.</param>
/// <param name="key">The domain's own key.</param>
/// <param name="state">What is believed now.</param>
/// <param name="witness">What is known of the ledger; null without a system ID.</param>
/// <param name="others">The next source.</param>
internal sealed class CursorAnswers(ReceiverSettings settings, SigningKey key, Func<PolicyState> state, Witness? witness, IReadSource others) : IReadSource
{
    public bool Serves(string command) => command == Commands.GetCursor || others.Serves(command);

    public bool TryRead(
        Message message, [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members, [NotNullWhen(false)] out Refusal? refusal)
    {
        if (message.Command != Commands.GetCursor)
            return others.TryRead(message, out members, out refusal);
        members = null;
        refusal = witness is null ? new Refusal(ErrorCode.WrongSystem, WitnessAnswers.NoSystem) : null;
        if (refusal is not null)
            return false;
        PolicyState now = state();
        WitnessMemory? memory = witness!.Memory;
        DeliveryCursor cursor = now.Delivered.Of(memory?.Key.ToString() ?? "");
        members =
        [
            ("name", JsonValue.Of(settings.Domain.Name)),
            ("class", JsonValue.Of(settings.Domain.Class)),
            ("key", JsonValue.Of(Convert.ToHexStringLower(key.PublicRaw))),
            ("seq", JsonValue.Of(cursor.Sequence)),
            ("index", JsonValue.Of(cursor.Index)),
            ("size", JsonValue.Of(memory?.Seen?.Checkpoint.Size ?? 0)),
            ("trust_version", JsonValue.Of(now.Trust.Version)),
        ];
        return true;
    }
}
