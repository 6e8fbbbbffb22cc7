using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>The last delivery that a domain took.</summary>
/// <param name="Sequence">Its number at this domain; 0 before the first.</param>
/// <param name="Index">The entry of Dom0's ledger that it was; -1 before the first.</param>
/// <param name="LeafHash">RFC 6962's hash of that entry's leaf, 64 lower-case hex digits; empty before the first.</param>
/// <param name="Ledger">The verifier key of that ledger: another one begins at its first entry. Empty before the first.</param>
public sealed record DeliveryCursor(long Sequence, long Index, string LeafHash, string Ledger)
{
    /// <summary>Before the first delivery.</summary>
    public static DeliveryCursor None { get; } = new(0, -1, "", "");

    /// <summary>This, or <see cref="None"/> for another ledger.</summary>
    public DeliveryCursor Of(string ledger) => ledger == Ledger ? this : None;

    /// <summary>The form in which it is kept.</summary>
    internal IEnumerable<(string Name, JsonValue Value)> Members() =>
    [
        ("seq", JsonValue.Of(Sequence)),
        ("index", JsonValue.Of(Index)),
        ("leaf_hash", JsonValue.Of(LeafHash)),
        ("ledger", JsonValue.Of(Ledger)),
    ];

    /// <summary>Reads that form; what is wrong is a fault of the reader's.</summary>
    internal static DeliveryCursor Read(MemberReader reader) => new(
        reader.Integer("seq", 1, Limits.MaxSafeInteger), reader.Integer("index", 0, Limits.MaxSafeInteger), reader.Hash("leaf_hash"), reader.Text("ledger", Limits.MaxVerifierKeyChars));
}
