using System.Text;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Ledger;

/// <summary>How far one gateway has been served.</summary>
/// <param name="Taken">The last entry that it took; null when there is none.</param>
/// <param name="Missed">Keys whose change it did not take, with the entry of that change.</param>
public sealed record DeliveryPlace(long? Taken, IReadOnlyDictionary<string, long> Missed)
{
    private const int MaxMissedBytes = 1 << 20;

    /// <summary>The column <c>missed</c>: <c>[[KEY,index],...]</c>, the keys in ordinal order.</summary>
    internal string MissedText() => JsonText.ToText(JsonValue.Array(Missed
        .OrderBy(pair => pair.Key, StringComparer.Ordinal)
        .Select(pair => JsonValue.Array(JsonValue.Of(pair.Key), JsonValue.Of(pair.Value)))));

    /// <summary>Reads what <see cref="MissedText"/> wrote.</summary>
    /// <exception cref="LedgerIntegrityException">It is something else.</exception>
    internal static Dictionary<string, long> ReadMissed(string gateway, string text)
    {
        var missed = new Dictionary<string, long>(StringComparer.Ordinal);
        if (!StrictJson.TryParse(Encoding.UTF8.GetBytes(text), out var list, out _, MaxMissedBytes) || list.Kind != JsonKind.Array)
            throw Damaged(gateway);
        foreach (var item in list.Items)
        {
            if (item.Kind != JsonKind.Array || item.Items.Length != 2 || item.Items[0].Kind != JsonKind.String
                || item.Items[1].Kind != JsonKind.Number || !item.Items[1].TryGetInteger(out var index))
                throw Damaged(gateway);
            missed[item.Items[0].AsString] = index;
        }

        return missed;
    }

    private static LedgerIntegrityException Damaged(string gateway) =>
        new($"What the gateway {Files.SafeText.ForTerminal(gateway)} missed is not what was recorded.");
}
