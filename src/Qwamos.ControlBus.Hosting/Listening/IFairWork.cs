namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>A piece of work whose processor time is shared fairly; it never throws and never blocks.</summary>
public interface IFairWork
{
    void Run();
}
