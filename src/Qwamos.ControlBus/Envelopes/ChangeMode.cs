namespace Qwamos.ControlBus.Envelopes;

/// <summary>When a change takes effect: <c>auto</c> lets each key's class of application decide, <c>staged</c> holds all of it until the next boot.</summary>
public enum ChangeMode
{
    Auto = 0,
    Staged,
}
