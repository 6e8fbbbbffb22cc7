using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Verification;

/// <summary>Judges <c>audience</c>, which needs the policy's classes and the known domains; null when it is right, else <c>wrong_audience</c>.</summary>
public delegate Refusal? AudienceRule(Message message);
