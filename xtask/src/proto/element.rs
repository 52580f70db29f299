//! Walking a descriptor set: every named thing with its full name, and where
//! its comment is kept.

use protox::prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};

// Numbers of the fields through which source locations address elements.
const FILE_MESSAGES: i32 = 4;
const FILE_ENUMS: i32 = 5;
const FILE_SERVICES: i32 = 6;
const MESSAGE_MESSAGES: i32 = 3;
const MESSAGE_ENUMS: i32 = 4;
const SERVICE_METHODS: i32 = 2;

/// A named thing of a contract.
pub struct Element<'a, T> {
    /// `.ves.v1.Recipe`
    pub name: String,
    /// Its address in the file's source locations.
    pub path: Vec<i32>,
    /// What was declared.
    pub item: &'a T,
}

/// Everything one file declares, nested things included.
#[derive(Default)]
pub struct Elements<'a> {
    /// Messages, with the entries of maps that the compiler makes.
    pub messages: Vec<Element<'a, DescriptorProto>>,
    /// Enums.
    pub enums: Vec<Element<'a, EnumDescriptorProto>>,
    /// Services.
    pub services: Vec<Element<'a, ServiceDescriptorProto>>,
}

impl<'a> Elements<'a> {
    /// Everything of one file.
    pub fn of(file: &'a FileDescriptorProto) -> Self {
        let mut all = Self::default();
        let scope = format!(".{}", file.package());
        for (i, message) in (0..).zip(&file.message_type) {
            all.message(&scope, vec![FILE_MESSAGES, i], message);
        }
        for (i, item) in (0..).zip(&file.enum_type) {
            let name = format!("{scope}.{}", item.name());
            all.enums.push(Element {
                name,
                path: vec![FILE_ENUMS, i],
                item,
            });
        }
        for (i, item) in (0..).zip(&file.service) {
            let name = format!("{scope}.{}", item.name());
            all.services.push(Element {
                name,
                path: vec![FILE_SERVICES, i],
                item,
            });
        }
        all
    }

    /// Everything of every file.
    pub fn of_all(set: &'a FileDescriptorSet) -> Self {
        set.file
            .iter()
            .map(Self::of)
            .fold(Self::default(), |mut all, mut file| {
                all.messages.append(&mut file.messages);
                all.enums.append(&mut file.enums);
                all.services.append(&mut file.services);
                all
            })
    }

    fn message(&mut self, scope: &str, path: Vec<i32>, item: &'a DescriptorProto) {
        let name = format!("{scope}.{}", item.name());
        for (i, nested) in (0..).zip(&item.nested_type) {
            self.message(&name, step(&path, MESSAGE_MESSAGES, i), nested);
        }
        for (i, nested) in (0..).zip(&item.enum_type) {
            let name = format!("{name}.{}", nested.name());
            self.enums.push(Element {
                name,
                path: step(&path, MESSAGE_ENUMS, i),
                item: nested,
            });
        }
        self.messages.push(Element { name, path, item });
    }
}

/// The address of the `index`th method of the service at `service`.
pub fn method_path(service: &[i32], index: i32) -> Vec<i32> {
    step(service, SERVICE_METHODS, index)
}

/// Whether a comment stands before the element at `path`.
pub fn is_commented(file: &FileDescriptorProto, path: &[i32]) -> bool {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    locations
        .filter(|location| location.path == path)
        .any(|location| !location.leading_comments().trim().is_empty())
}

/// Whether the compiler made this message to hold the entries of a map.
pub fn is_map_entry(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
}

fn step(path: &[i32], field: i32, index: i32) -> Vec<i32> {
    [path, &[field, index]].concat()
}
