namespace Qwamos.ControlBus.Policy;

/// <summary>
/// What an accepted change did, as key names: recorded in its entry, so that a fold over the ledger needs no schema.
/// The three lists are disjoint. A key in none of them already had that value (a reboot key with nothing staged), or is
/// not of the receiver's class.
/// </summary>
/// <param name="Applied">In force as policy from now on, in the order of the message; <c>fire</c> counts as applied.</param>
/// <param name="Staged">Waits for the next boot, or the next start of the gateway.</param>
/// <param name="Unstaged">Equals the current value, so that what was staged for it was dropped.</param>
public sealed record ChangeOutcome(IReadOnlyList<string> Applied, IReadOnlyList<string> Staged, IReadOnlyList<string> Unstaged);
