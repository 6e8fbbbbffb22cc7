using Qwamos.Client.Talking;

namespace Qwamos.Client.Holding;

/// <summary>What a person is asked at the agent's terminal: whether to sign some bytes for a connection.</summary>
internal sealed record Question(AgentConnection Asker, byte[] Data, Judgement Judgement, Deadline Deadline);
