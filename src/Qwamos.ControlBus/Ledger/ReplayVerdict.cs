namespace Qwamos.ControlBus.Ledger;

/// <summary>What <see cref="ReplayStore"/> says about a nonce. The zero value is a refusal.</summary>
public enum ReplayVerdict
{
    /// <summary>There is no room to remember it: <c>replay_store_full</c>.</summary>
    Full = 0,

    /// <summary>It is known: <c>replayed</c>.</summary>
    Replayed,

    /// <summary>It is new, and remembered from now on.</summary>
    Added,
}
