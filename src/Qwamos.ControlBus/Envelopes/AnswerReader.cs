using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// An answer as a client reads it. A daemon of the old design sends no <c>code</c>, so both code and reason may be null; unknown members and
/// unknown codes are kept for a person to see.
/// </summary>
public sealed class AnswerReader
{
    private AnswerReader(JsonValue document, bool isOk)
    {
        Document = document;
        IsOk = isOk;
    }

    public bool IsOk { get; }

    /// <summary>The whole answer.</summary>
    public JsonValue Document { get; }

    /// <summary>The code as sent, such as <c>bad_signature</c>; null when there is none.</summary>
    public string? Code => Text("code");

    public string? Reason => Text("reason");

    /// <summary>What happened to the message that is <c>replayed</c>.</summary>
    public string? Outcome => Text("outcome");

    /// <summary>The ledger's index, of an accepted change or of the one that is replayed.</summary>
    public long? Index => Document.TryGet("index", out var value) && value.TryGetInteger(out long index) ? index : null;

    public IReadOnlyList<Fault> Faults => Document.TryGet("faults", out var list) && list.Kind == JsonKind.Array
        ? [.. list.Items.Where(item => item.Kind == JsonKind.Object).Select(ReadFault)]
        : [];

    /// <summary>False for what is not one strict JSON object with <c>status</c> <c>ok</c> or <c>error</c>.</summary>
    public static bool TryRead(
        ReadOnlySpan<byte> line, [NotNullWhen(true)] out AnswerReader? answer, [NotNullWhen(false)] out string? fault)
    {
        answer = null;
        ReadOnlySpan<byte> text = line.Trim(" \t\r\n"u8);
        if (!StrictJson.TryParse(text, out var document, out fault, maxBytes: Limits.MaxAnswerBytes))
            return false;
        string? status = document.Kind == JsonKind.Object && document.TryGet("status", out var value) && value.Kind == JsonKind.String
            ? value.AsString
            : null;
        if (status is not ("ok" or "error"))
        {
            fault = "the answer has no status ok or error";
            return false;
        }

        answer = new AnswerReader(document, status == "ok");
        fault = null;
        return true;
    }

    /// <summary>The same answer with other members, as when what came in parts is put together.</summary>
    public AnswerReader With(JsonValue document) => new(document, IsOk);

    private static Fault ReadFault(JsonValue item) => new(TextOf(item, "key") ?? "", TextOf(item, "reason") ?? "");

    private static string? TextOf(JsonValue item, string name) =>
        item.TryGet(name, out var value) && value.Kind == JsonKind.String ? value.AsString : null;

    private string? Text(string name) => TextOf(Document, name);
}
