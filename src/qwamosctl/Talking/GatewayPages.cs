using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Talking;

/// <summary>The gateways that one status does not hold: asked for page by page, and put together as if they had come in one.</summary>
internal static class GatewayPages
{
    private const string Rows = "gateways";
    private const string More = "more_gateways";
    private const string LeftOut = "left_out";

    /// <summary>Completes a status; one that names no more, or of a daemon that gives none, stays as it is. False when a page did not come.</summary>
    public static bool TryComplete(Session session, ref AnswerReader answer, out Failure failure)
    {
        failure = null!;
        var leftOut = answer.Document.TryGet(LeftOut, out var list) && list.Kind == JsonKind.Array ? list.Items : [];
        var after = leftOut.Contains(JsonValue.Of(Rows)) ? "" : answer.TextOf(More);
        if (!answer.IsOk || after is null)
            return true;
        SortedDictionary<string, JsonValue> rows = new(StringComparer.Ordinal);
        foreach (var (name, row) in answer.ObjectOf(Rows)?.Members ?? [])
            rows[name] = row;
        while (after is not null)
        {
            if (!TryAsk(session, after, out var page, out failure))
                return false;
            // An older daemon, which knows no pages: what it left out stays named.
            if (!page.IsOk || !page.HasObject(Rows))
                return true;
            foreach (var (name, row) in page.ObjectOf(Rows)?.Members ?? [])
                rows[name] = row;
            var next = page.TextOf(More);
            if (rows.Count > Limits.MaxGateways || (next is not null && string.CompareOrdinal(next, after) <= 0))
            {
                failure = new Failure(ExitCode.Refused, $"the daemon's status does not end: it names more gateways than the {Limits.MaxGateways} that there can be", "Look at --socket: another program seems to listen there");
                return false;
            }
            after = next;
        }
        JsonValue[] rest = [.. leftOut.Where(name => !name.Equals(JsonValue.Of(Rows)))];
        answer = answer.With(JsonValue.Object(
        [
            .. answer.Document.Members.Where(member => member.Key is not (Rows or More or LeftOut)).Select(member => (member.Key, member.Value)),
            (Rows, JsonValue.Object(rows.Select(row => (row.Key, row.Value)))),
            .. rest.Length > 0 ? [(LeftOut, JsonValue.Array(rest))] : Array.Empty<(string, JsonValue)>(),
        ]));
        return true;
    }

    private static bool TryAsk(Session session, string after, out AnswerReader page, out Failure failure)
    {
        page = null!;
        MessageDraft draft = new() { Command = BusCommands.GetStatus, Args = JsonValue.Object([(Message.GatewaysAfterArg, JsonValue.Of(after))]) };
        // A name that cannot be asked for is no gateway's: the daemon's word ends there.
        if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
        {
            failure = new Failure(ExitCode.Refused, $"the daemon's status names a gateway that there cannot be: {refusal.Reason}", "Look at --socket: another program seems to listen there");
            return false;
        }
        return Bus.TryAsk(session, envelope, out page, out failure);
    }
}
