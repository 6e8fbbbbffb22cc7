namespace Qwamos.ControlBus.Policy;

/// <summary>The types of JSON Schema draft-07 as a set, so that <c>"type"</c> may be one or a list.</summary>
[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Number = 8,
    String = 16,
    Array = 32,
    Object = 64,
}
