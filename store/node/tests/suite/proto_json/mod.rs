//! Messages as JSON, the way etcd's gateway writes and reads them (J3 to J7), driven by descriptors.

mod base64;

use std::str::FromStr;

use protox::prost_reflect::{
    Cardinality, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    ReflectMessage, Value,
};
use serde_json::{Map, Value as Json};

pub(crate) use self::base64::encode as base64;

/// Reads a message. Names may be those of the protocol or in camel case; unknown ones are ignored.
pub(crate) fn read(descriptor: &MessageDescriptor, json: &Json) -> Result<DynamicMessage, String> {
    let object = json.as_object().ok_or_else(|| format!("no object: {json}"))?;
    let mut message = DynamicMessage::new(descriptor.clone());
    for (name, json) in object {
        let field =
            descriptor.get_field_by_name(name).or_else(|| descriptor.get_field_by_json_name(name));
        if let Some(field) = field
            && !json.is_null()
        {
            let value = read_field(&field, json).map_err(|error| format!("{name}: {error}"))?;
            message.set_field(&field, value);
        }
    }
    Ok(message)
}

fn read_field(field: &FieldDescriptor, json: &Json) -> Result<Value, String> {
    if field.cardinality() != Cardinality::Repeated {
        return read_value(&field.kind(), json);
    }
    let items = json.as_array().ok_or_else(|| format!("no list: {json}"))?;
    let items = items.iter().map(|item| read_value(&field.kind(), item));
    Ok(Value::List(items.collect::<Result<_, _>>()?))
}

fn read_value(kind: &Kind, json: &Json) -> Result<Value, String> {
    let value = match kind {
        Kind::Message(descriptor) => Some(Value::Message(read(descriptor, json)?)),
        Kind::Enum(descriptor) => read_enum(descriptor, json).map(Value::EnumNumber),
        Kind::Bytes => {
            json.as_str().and_then(base64::decode).map(|bytes| Value::Bytes(bytes.into()))
        }
        Kind::String => json.as_str().map(|text| Value::String(text.to_owned())),
        Kind::Bool => json.as_bool().map(Value::Bool),
        Kind::Int64 => number(json).map(Value::I64),
        Kind::Uint64 => number(json).map(Value::U64),
        Kind::Int32 => number(json).map(Value::I32),
        Kind::Uint32 => number(json).map(Value::U32),
        other => return Err(format!("no field of the API is {other:?}")),
    };
    value.ok_or_else(|| format!("no {kind:?}: {json}"))
}

fn number<N: FromStr>(json: &Json) -> Option<N> {
    match json {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn read_enum(descriptor: &EnumDescriptor, json: &Json) -> Option<i32> {
    match json {
        Json::String(name) => descriptor.get_value_by_name(name).map(|value| value.number()),
        _ => number(json),
    }
}

/// Writes a message: fields by the protocol's names, without those that are zero.
pub(crate) fn write(message: &DynamicMessage) -> Json {
    let descriptor = message.descriptor();
    let present = descriptor.fields().filter(|field| message.has_field(field));
    let fields = present.map(|field| {
        let json = match message.get_field(&field).as_ref() {
            Value::List(items) => {
                items.iter().map(|item| write_value(&field.kind(), item)).collect()
            }
            value => write_value(&field.kind(), value),
        };
        (field.name().to_owned(), json)
    });
    Json::Object(fields.collect::<Map<_, _>>())
}

fn write_value(kind: &Kind, value: &Value) -> Json {
    match (kind, value) {
        (_, Value::Message(message)) => write(message),
        (Kind::Enum(descriptor), Value::EnumNumber(number)) => descriptor
            .get_value(*number)
            .map_or_else(|| Json::from(*number), |value| Json::from(value.name())),
        (_, Value::Bytes(bytes)) => Json::from(base64::encode(bytes)),
        (_, Value::String(text)) => Json::from(text.as_str()),
        (_, Value::Bool(value)) => Json::from(*value),
        (_, Value::I64(value)) => Json::from(value.to_string()),
        (_, Value::U64(value)) => Json::from(value.to_string()),
        (_, Value::I32(value)) => Json::from(*value),
        (_, Value::U32(value)) => Json::from(*value),
        (kind, value) => unreachable!("no field of the API is {kind:?}: {value:?}"),
    }
}
