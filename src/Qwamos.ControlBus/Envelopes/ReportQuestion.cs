using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>The <c>args</c> of <c>get_report</c>.</summary>
/// <param name="After">The number of the report that is known: only another one is answered at once. 0 for none.</param>
/// <param name="WaitSeconds">How long to wait for another one.</param>
/// <param name="Confirmed">In-force statements about changes up to this entry are not wanted; -1 for none.</param>
/// <param name="Nonce">What the report must name.</param>
public sealed record ReportQuestion(long After, long WaitSeconds, long Confirmed, Nonce Nonce)
{
    private const int Members = 4;

    /// <summary>Reads the form; exactly these members.</summary>
    public static bool TryRead(JsonValue? args, [NotNullWhen(true)] out ReportQuestion? question)
    {
        question = null;
        if (args is null || args.Kind != JsonKind.Object || args.Members.Length != Members
            || !TryNumber(args, "after", 0, out var after) || !TryNumber(args, "wait", 0, out var wait) || !TryNumber(args, "confirmed", -1, out var confirmed)
            || !args.TryGet("nonce", out var text) || !text.TryGetString(out var nonce) || !Nonce.TryParse(nonce, out var parsed))
            return false;
        question = new ReportQuestion(after, wait, confirmed, parsed);
        return true;
    }

    /// <summary>The form that is sent.</summary>
    public JsonValue ToJson() => JsonValue.Object(
        [("after", JsonValue.Of(After)), ("wait", JsonValue.Of(WaitSeconds)), ("confirmed", JsonValue.Of(Confirmed)), ("nonce", JsonValue.Of(Nonce.ToString()))]);

    private static bool TryNumber(JsonValue args, string name, long least, out long number)
    {
        number = 0;
        return args.TryGet(name, out var value) && value.TryGetInteger(out number) && number >= least;
    }
}
