using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>What is believed after the last durable entry; immutable, replaced whole by the writer, read by everybody else.</summary>
/// <param name="Policy">The fold of the ledger.</param>
/// <param name="Size">Entries in the ledger.</param>
/// <param name="RootHash">RFC 6962's root over them, 64 lower-case hex digits.</param>
/// <param name="LastUpdateSeconds">When the newest entry was recorded, unix seconds; 0 before the first.</param>
public sealed record PublishedState(PolicyState Policy, long Size, string RootHash, long LastUpdateSeconds);
